bkplan {}
# café
