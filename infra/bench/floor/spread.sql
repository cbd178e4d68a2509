\set debit random(1,50000)
\set credit random(50001,100000)
\set key random(1,9000000000000000)
select floor.post(:debit, :credit, 10, :key::text);
