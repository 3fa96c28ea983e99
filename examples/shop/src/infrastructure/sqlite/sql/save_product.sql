-- primary key of product
UPDATE product SET in_stock = ? WHERE code = ?
