CREATE DATABASE shop;
\connect shop
CREATE EXTENSION lpbm;
