"""Leases that all processors of a site share, in Redis or Valkey. The only importer of redis. Extra `redis`."""
