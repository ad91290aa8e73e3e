"""A Dataverse organisation on loopback, written from the reference and not from the client.

It lets anyone try Tandem, or test their own Dataverse code, without a tenant.
"""
