//! Who is calling: verification of bearer tokens and the local issuer.
