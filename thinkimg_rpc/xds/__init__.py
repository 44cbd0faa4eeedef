"""The mesh as an xDS control plane, which stock gRPC clients follow: `xds:///OCR`.

Nothing but `bootstrap` works without the extra [xds].
"""
