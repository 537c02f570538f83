"""The gRPC side of the service: node sessions, operators' questions, who may do what."""
