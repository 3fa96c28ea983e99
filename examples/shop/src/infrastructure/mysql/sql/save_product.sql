-- primary key of product
UPDATE shop_product SET in_stock = ? WHERE code = ?
