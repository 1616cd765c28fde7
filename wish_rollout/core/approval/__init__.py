"""The documents that people sign, and the policy that decides whether the signatures are sufficient.

Cryptography is in ``signing``.
"""
