"""Argus: monitoring and alerting for OpenStack/KVM clouds, built on Zabbix."""

__version__ = "0.1.0"
