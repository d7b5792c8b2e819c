"""The shell around the stages, and the one folder of processors that knows Kafka and Faust."""
