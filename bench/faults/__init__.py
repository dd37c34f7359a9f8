"""Does a fault of a store lose, double or change anything? python -m bench.faults --seed 7 --rounds 10 [--only NAME]"""
