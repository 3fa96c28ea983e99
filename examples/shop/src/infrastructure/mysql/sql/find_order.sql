-- primary key of shop_order
SELECT order_no, state, street, city, `lines` FROM shop_order WHERE order_no = ?
