-- primary key of order_number
UPDATE order_number SET last = last + 1 WHERE singleton = 1 RETURNING last
