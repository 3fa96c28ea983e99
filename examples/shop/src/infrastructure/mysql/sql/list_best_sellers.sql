-- all of best_seller, which is as short as the list of products
SELECT product, sold FROM shop_best_seller ORDER BY sold DESC, product
