"""Digests under which models were published, before digests were taken by value."""

from typing import Dict

#: By a model's digest the one that its published records and truths have. A change of the model's code
#: or data makes another digest, which is not here.
PUBLISHED: Dict[str, str] = {
    "eac0f21fee0abf6f": "3dcd7c376a7a45cb",  # addition
    "c9edfb34b23fb185": "477a4e237ae24a8a",  # coin_toss
    "53e25654096116f1": "2b2488e18d7118fa",  # simple_regression
    "6e90c99b9a1bcb51": "13357e45fa3bfd13",  # independent_regression
    "8ec34b53765431d7": "a44b5ca12389c9b1",  # pipe_confound
    "06df6be4b039da31": "383cef28d15a01ac",  # path_analysis
    "b264d6686c13bb5c": "d7e36a43510f718a",  # no_fork
    "446444a1234d2022": "e4e27b86afdeefab",  # fork
    "5a7fed1b92b33269": "96588c10a880c0f3",  # include_collider
    "9fc918b5f0c59516": "ecce44eb0b4bcd5d",  # exclude_collider
    "2d7ddd1c72259236": "31061a509b75259c",  # combined_exclude_collider
    "c5b540827d2f3849": "0a62908e84cabcab",  # categorical
    "21e99136c5f5e026": "dba05d2a0d81559a",  # pooled_categorical
    "fee1c33894973e2d": "99c41641eb2f9581",  # no_heterogenous
    "5a51c3e7b1027c72": "957c31d8da58f90b",  # heterogenous
    "763bd5746ef6fbc6": "bd95ad07af1f83c5",  # count_heterogenous
}
