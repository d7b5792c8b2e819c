"""Notifications leave: webhooks, Slack, PagerDuty, email, Alertmanager."""
