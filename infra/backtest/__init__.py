"""What ``penstock backtest`` needs around the backtest itself: rules and labels from files, the report."""
