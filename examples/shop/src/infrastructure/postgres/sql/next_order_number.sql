-- no index: a sequence
SELECT nextval('shop.order_number')
