"""What was noticed held against labels: for the scores of scenarios and for backtests."""
