-- all of best_seller, which is as short as the list of products
SELECT product, sold FROM shop.best_seller ORDER BY sold DESC, product
