pushgatewa = "http://y"
