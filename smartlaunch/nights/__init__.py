"""Many targets in one night: what is to be run, one run at a time for each authorization server, kept so that a killed night goes on."""
