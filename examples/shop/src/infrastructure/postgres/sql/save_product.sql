-- primary key of product
UPDATE shop.product SET in_stock = $1 WHERE code = $2
