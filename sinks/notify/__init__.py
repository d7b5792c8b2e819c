"""Notifications leave: webhooks, Slack, PagerDuty, email, Alertmanager and what takes its webhooks."""
