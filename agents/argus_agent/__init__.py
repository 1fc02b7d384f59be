"""argus-agent: measures guests and their node, and gives the values to Zabbix and Prometheus."""
