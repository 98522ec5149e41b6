"""The pure receive path: NIC, NAPI, softirq stages, backlogs, sockets; time is an argument."""
