"""The agent beside prometheus-libvirt-exporter and collectd: what each costs for the same guests."""
