#include <doctest/doctest.h>

#include "providers/mariadb/marks.h"
#include "providers/mariadb/sql.h"

using namespace fairlead;
using namespace fairlead::mariadb;

namespace {
const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
const Keys others("0123456789abcdef", Secret(std::string(32, 'o')));
}  // namespace

TEST_CASE("a password's hash is what MariaDB's PASSWORD() gives") {
  // SELECT PASSWORD('password'), of 10.11.
  CHECK(password_hash(Secret("password")) == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
}

TEST_CASE("each app and each rotation has a password of its own, always the same") {
  const std::string first = app_password(keys, "blog", 1).reveal();
  CHECK(first.size() == 32);
  CHECK(first == app_password(keys, "blog", 1).reveal());
  CHECK(first != app_password(keys, "blog", 2).reveal());
  CHECK(first != app_password(keys, "shop", 1).reveal());
}

TEST_CASE("a database's comment is of one app and one installation's key") {
  const std::string comment = database_comment(keys, "blog", "");
  CHECK(comment.rfind("fairlead 0123456789abcdef blog ", 0) == 0);
  CHECK(comment != database_comment(others, "blog", ""));
  CHECK(literal(comment) == "'" + comment + "'");
}

TEST_CASE("passwords are known as ours up to 64 rotations, and beyond the wanted one") {
  const auto hash = [](int rotation) {
    return password_hash(app_password(keys, "blog", rotation));
  };
  const Passwords unknown(keys, "blog", 0);
  CHECK(unknown.ours(hash(1)));
  CHECK(unknown.ours(hash(64)));
  CHECK(!unknown.ours(hash(65)));
  CHECK(Passwords(keys, "blog", 70).ours(hash(78)));
  CHECK(!unknown.ours(password_hash(Secret("x"))));
  CHECK(!unknown.ours(""));
  CHECK(!Passwords(others, "blog", 1).ours(hash(1)));
}

TEST_CASE("the tombstone is a hash in form, and ours") {
  const Passwords passwords(keys, "blog", 1);
  const std::string tombstone = passwords.tombstone();
  CHECK(tombstone.size() == 41);
  CHECK(tombstone.find_first_not_of("*0123456789ABCDEF") == tombstone.npos);
  CHECK(passwords.ours(tombstone));
  CHECK(tombstone != Passwords(keys, "shop", 1).tombstone());
}
