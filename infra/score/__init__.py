"""Detections against labels: scenarios run through the stages, and what was noticed against what was due."""
