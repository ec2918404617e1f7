"""What all trainings share: processes, logs that can be cut back, signals, alarms."""
