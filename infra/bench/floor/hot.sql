\set credit random(1,100000)
\set key random(1,9000000000000000)
select floor.post(0, :credit, 10, :key::text);
