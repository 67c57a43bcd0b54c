"""Makes countries.mmdb: a few documentation networks. Needs PyPI `mmdb_writer` and `netaddr`."""

from mmdb_writer import MMDBWriter
from netaddr import IPSet

writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
country = lambda code: {"country": {"iso_code": code}}
writer.insert_network(IPSet(["192.0.2.0/25"]), country("CH"))
writer.insert_network(IPSet(["192.0.2.128/25"]), {"registered_country": {"iso_code": "DE"}})
writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "??"}})
writer.insert_network(IPSet(["2001:db8::/32"]), {**country("US"), "registered_country": {"iso_code": "DE"}})
writer.to_db_file("countries.mmdb")
