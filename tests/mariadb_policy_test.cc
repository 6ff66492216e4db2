#include <doctest/doctest.h>

#include "providers/mariadb/policy.h"
#include "providers/mariadb/sql.h"

using namespace fairlead;
using namespace fairlead::mariadb;

namespace {

bool allowed(const std::string& statement, bool write = true) {
  SqlCall call;
  call.statement = statement;
  call.write = write;
  return check_policy(call).ok();
}

}  // namespace

TEST_CASE("the builders' statements pass, also with names that somebody chose with malice") {
  CHECK(allowed(select_seen(""), false));
  CHECK(allowed(select_version(), false));
  const Target hostile{Target::Kind::table, "a`; DROP DATABASE x; -- ", "/*`\"#"};
  CHECK(allowed(revoke_all(hostile, {"blog"})));
  CHECK(allowed(revoke_role("r' \\ @@", "blog")));
  CHECK(allowed(kill("17")));
}

TEST_CASE("what no builder makes is refused") {
  CHECK(!allowed("DROP TABLE `blog`.`t`"));
  CHECK(!allowed("DROP DATABASE `mysql`"));
  CHECK(!allowed("DROP DATABASE `other_app`"));
  CHECK(!allowed("DROP DATABASE `blog`; DROP DATABASE `shop`"));
  CHECK(!allowed("DROP DATABASE `blog` -- "));
  CHECK(!allowed("DROP DATABASE `blog"));
  CHECK(!allowed("CREATE USER `blog`@`%` IDENTIFIED BY 'clear'"));
  CHECK(!allowed("ALTER USER `root`@`%` ACCOUNT LOCK"));
  CHECK(!allowed("GRANT ALL PRIVILEGES ON *.* TO `blog`@`%`"));
  CHECK(!allowed(grant("blog") + " WITH GRANT OPTION"));
  CHECK(!allowed("KILL CONNECTION USER `root`"));
  CHECK(!allowed("SET GLOBAL read_only = 0"));
  CHECK(!allowed("REVOKE ALL PRIVILEGES ON `a\nb`.* FROM `blog`@`%`"));
}

TEST_CASE("reading and writing are what they say") {
  CHECK(!allowed(drop_database("blog"), false));
  CHECK(!allowed(select_version(), true));
  CHECK(!allowed("SELECT 1 INTO OUTFILE 'x'", false));
  CHECK(!check_policy(HttpCall()).ok());
  CHECK(!check_policy(FileCall()).ok());
}
