"""Measurements of the gateway: a server and its load in processes of their own.

vpp.bench.http2     one gRPC stream over HTTP/2 and TLS, as lean as a load generator needs it
vpp.bench.load      the load process: many nodes, each with a connection and a certificate of its own
vpp.bench.server    the server process: the product's gateway with probes
vpp.bench.gateway   what is measured, row by row
"""
