"""Programs that the testbed runs in clients' containers, where no kept one does what is needed."""
