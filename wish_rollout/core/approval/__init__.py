"""The documents that people sign, and the policy that decides whether their signatures suffice.

Cryptography is in ``signing``.
"""
