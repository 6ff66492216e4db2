#include <doctest/doctest.h>

#include "providers/mariadb/sql.h"

using namespace fairlead::mariadb;

TEST_CASE("names are quoted in backticks, and a backtick inside is doubled") {
  CHECK(identifier("blog-2") == "`blog-2`");
  CHECK(identifier("a`; DROP DATABASE x; -- ") == "`a``; DROP DATABASE x; -- `");
  CHECK(Account{"o`b", "1`2"}.text() == "`o``b`@`1``2`");
  CHECK(Account{"role", ""}.text() == "`role`");
}

TEST_CASE("characters that GRANT takes as a pattern are escaped") {
  CHECK(pattern("app_a%b\\c") == "app\\_a\\%b\\\\c");
  CHECK(pattern("blog-2") == "blog-2");
}

TEST_CASE("a text that could mean another thing under another sql_mode goes as hex") {
  CHECK(literal("fairlead 01 blog") == "'fairlead 01 blog'");
  CHECK(literal("a'b") == "X'612762'");
  CHECK(literal("a\\") == "X'615C'");
  CHECK(literal("\xc3\xa4") == "X'C3A4'");
}

TEST_CASE("what privileges are held on is named exactly") {
  CHECK(Target{}.text() == "*.*");
  CHECK(Target{Target::Kind::database, "o\\_x`", ""}.text() == "`o\\_x```.*");
  CHECK(Target{Target::Kind::table, "d", "t"}.text() == "`d`.`t`");
  CHECK(Target{Target::Kind::procedure, "d", "p"}.text() == "PROCEDURE `d`.`p`");
  CHECK(Target{Target::Kind::package_body, "d", "p"}.text() == "PACKAGE BODY `d`.`p`");
}

TEST_CASE("of one app only rows of its name are asked for, and of all apps everything") {
  const std::string one = select_seen("blog-2");
  CHECK(one.find("mysql.global_priv WHERE User = 'blog-2'") != one.npos);
  CHECK(one.find("mysql.db WHERE User = 'blog-2' OR Db = 'blog-2'") != one.npos);
  CHECK(one.find("PROCESSLIST WHERE USER = 'blog-2'") != one.npos);
  const std::string all = select_seen("");
  CHECK(all.find("mysql.global_priv UNION") != all.npos);
  CHECK(all.find("PROCESSLIST WHERE USER IN") != all.npos);
}
