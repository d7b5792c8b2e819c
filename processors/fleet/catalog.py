"""All alerts, in the order of their ids."""

from processors.fleet import (
    agent_version_mismatch,
    correlated_incident,
    fleet_load_imbalance,
    foreign_load,
    node_offline,
    oom_warning,
    thermal_redline,
    wes_cliff,
    wes_long_term_drift,
    zombied_engine,
)
from processors.fleet.alert import FleetAlert, NodeAlert

NODE_ALERTS = (
    foreign_load.ALERT,
    node_offline.ALERT,
    oom_warning.ALERT,
    thermal_redline.ALERT,
    wes_cliff.ALERT,
    wes_long_term_drift.ALERT,
    zombied_engine.ALERT,
)
FLEET_ALERTS = (
    agent_version_mismatch.ALERT,
    correlated_incident.ALERT,
    fleet_load_imbalance.ALERT,
)
ALERTS: tuple[NodeAlert | FleetAlert, ...] = (*NODE_ALERTS, *FLEET_ALERTS)
