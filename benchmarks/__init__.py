"""Measurements that take long: run by hand, never by the tests."""
