"""What ``myelin.fit`` needs beyond ``myelin.train``: networks of any origin to start from."""
