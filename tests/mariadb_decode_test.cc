#include <doctest/doctest.h>

#include "providers/mariadb/decode.h"
#include "tests/mariadb_scene.h"

using namespace fairlead;
using namespace fairlead::mariadb;
using fairlead::mariadb::testing::keys;
using fairlead::mariadb::testing::row;

namespace {

SeenApps decode(const std::vector<Json>& rows) {
  auto seen = decode_seen(keys(), Json::array(rows).dump(), 0);
  REQUIRE(seen.ok());
  return seen->apps;
}

}  // namespace

TEST_CASE("an account is read as MariaDB 10.11 shows it, with all passwords that open it") {
  const std::string priv =
      R"({"access":68719478528,"version_id":101119,"plugin":"mysql_native_password",)"
      R"("authentication_string":"*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19","ssl_type":0,)"
      R"("ssl_cipher":"","x509_issuer":"","x509_subject":"","max_questions":0,"max_updates":0,)"
      R"("max_connections":0,"max_user_connections":5,"max_statement_time":0.000000,)"
      R"("account_locked":true,"password_last_changed":1795318059,"password_lifetime":0,)"
      R"("auth_or":[{},{"plugin":"mysql_native_password","authentication_string":)"
      R"("*1111111111111111111111111111111111111111"},{"plugin":"unix_socket"}],)"
      R"("default_role":"r1"})";
  const SeenApps seen = decode({row({"account", "blog", "%", "", "", priv})});
  const SeenAccount& account = *seen.at("blog")->account;
  CHECK(account.hashes == std::vector<std::string>{"*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
                                                   "*1111111111111111111111111111111111111111"});
  CHECK(account.plugins == std::vector<std::string>{"unix_socket"});
  CHECK(account.locked);
  CHECK(account.connections_max == 5);
  CHECK(!account.other_limits);
  CHECK(!account.demands_tls);
  CHECK(!account.expires);
  CHECK(account.global);
  CHECK(account.global_grant);
  CHECK(!account.ours);
}

TEST_CASE("what is left of a second password is no second password") {
  const std::string priv =
      R"({"plugin":"mysql_native_password","authentication_string":"*AA","auth_or":[{}]})";
  const SeenApps seen = decode({row({"account", "blog", "%", "", "", priv})});
  CHECK(seen.at("blog")->account->hashes == std::vector<std::string>{"*AA"});
}

TEST_CASE("an account that was made without a word is open, and its rights fit no integer") {
  const SeenApps seen =
      decode({row({"account", "blog", "%", "", "", "{}"}),
              row({"account", "shop", "%", "", "", R"({"access":18446744073709551615})"})});
  CHECK(seen.at("blog")->account->hashes == std::vector<std::string>{""});
  CHECK(seen.at("blog")->account->expires);  // with the server's default
  CHECK(seen.at("shop")->account->global);
  CHECK(seen.at("shop")->account->global_grant);
}

TEST_CASE("a database is ours by its comment, which fits no other name") {
  const std::string comment = database_comment(keys(), "blog", "");
  const SeenApps seen = decode({row({"database", "", "", "blog", "utf8mb4", comment}),
                                row({"database", "", "", "shop", "utf8mb4", comment}),
                                row({"database", "", "", "information_schema", "utf8", ""})});
  CHECK(seen.at("blog")->database->ours);
  CHECK(!seen.at("shop")->database->ours);
  CHECK(seen.size() == 2);
}

TEST_CASE("an account is ours by its database, or by a password of ours") {
  const std::string foreign = R"({"plugin":"mysql_native_password","authentication_string":"*A"})";
  const std::string own = R"({"plugin":"mysql_native_password","authentication_string":")" +
                          testing::hash_of("R3") + "\"}";
  const SeenApps seen =
      decode({row({"database", "", "", "blog", "utf8mb4", database_comment(keys(), "blog", "")}),
              row({"account", "blog", "%", "", "", foreign}),
              row({"account", "shop", "%", "", "", foreign})});
  CHECK(seen.at("blog")->account->ours);
  CHECK(!seen.at("shop")->account->ours);
  CHECK(decode({row({"account", "blog", "%", "", "", own})}).at("blog")->account->ours);
}

TEST_CASE("roles, and accounts with another host, are not the app's account") {
  const SeenApps seen = decode({row({"account", "boss", "", "", "", R"({"is_role":true})"}),
                                row({"account", "blog", "localhost", "", "", "{}"}),
                                row({"table", "blog", "localhost", "other", "t", "Select,"})});
  CHECK(seen.count("boss") == 0);
  CHECK(!seen.at("blog")->account);
  CHECK(seen.at("blog")->other_hosts == std::vector<std::string>{"localhost"});
  CHECK(seen.at("blog")->privileges.empty());
}

TEST_CASE("privileges are read with their target, and guests where they are on an app's database") {
  const SeenApps seen = decode({row({"grant", "blog", "%", "o\\_x", "", "YNNNNNNNNNNNNNNNNNYY"}),
                                row({"grant", "shop", "%", "blog", "", "YNNNNNNNNNNNNNNNNNNY"}),
                                row({"table", "blog", "%", "other", "t", "Insert,Grant,Select"}),
                                row({"routine", "blog", "%", "other", "f", "FUNCTION,Execute"})});
  const SeenApp& blog = *seen.at("blog");
  REQUIRE(blog.privileges.size() == 3);
  CHECK(blog.privileges[0].target.text() == "FUNCTION `other`.`f`");
  CHECK(blog.privileges[0].held == std::vector<std::string>{"EXECUTE"});
  CHECK(blog.privileges[1].target.text() == "`o\\_x`.*");
  CHECK(blog.privileges[1].held == std::vector<std::string>{"SELECT", "DELETE HISTORY"});
  CHECK(blog.privileges[1].grant_option);
  CHECK(blog.privileges[2].held == std::vector<std::string>{"INSERT", "SELECT"});
  CHECK(blog.privileges[2].grant_option);
  REQUIRE(blog.guests.size() == 1);
  CHECK(blog.guests[0].account == Account{"shop", "%"});
  CHECK(blog.guests[0].grant_option);
}

TEST_CASE("sessions are those of the app's account, and not of one that its host fits better") {
  const auto addresses = [](const std::string& host) {
    std::string text;
    const auto seen = decode({row({"account", "blog", "%", "", "", "{}"}),
                              row({"account", "blog", host, "", "", "{}"}),
                              row({"session", "blog", "10.2.0.3:99", "5", "", ""}),
                              row({"session", "blog", "localhost", "6", "", ""}),
                              row({"session", "blog", "::1:4711", "7", "", ""}),
                              row({"session", "blog", "10.9.9.9:1", "1; DROP", "", ""})});
    for (const SeenSession& session : seen.at("blog")->sessions) text += session.address + " ";
    return text;
  };
  CHECK(addresses("192.0.2.1") == "10.2.0.3 localhost ::1 ");
  CHECK(addresses("localhost") == "10.2.0.3 ::1 ");
  CHECK(addresses("10.%.3") == "localhost ::1 ");
  CHECK(addresses("10.2.0._") == "localhost ::1 ");
  CHECK(addresses("10.0.0.0/255.0.0.0").empty());
}

TEST_CASE("answers that are not what was asked for harm nobody") {
  CHECK(!decode_seen(keys(), "<html>", 0).ok());
  const SeenApps seen = decode({Json(), Json::array({1, 2}), row({"account", "blog"}),
                                row({"account", "blog", "%", "", "", "no json"}),
                                row({"account", "blog", "%", "", "", "[1]"})});
  REQUIRE(seen.count("blog") == 1);
  CHECK(!seen.at("blog")->account->ours);
}

TEST_CASE("class A13: what the server has promised to our accounts is added up") {
  const auto account = [](const std::string& app, int most, const std::string& more = "") {
    const std::string hash = password_hash(app_password(keys(), app, 1));
    return row({"account", app, "%", "", "",
                R"({"plugin":"mysql_native_password","authentication_string":")" + hash +
                    R"(","max_user_connections":)" + std::to_string(most) + more + "}"});
  };
  const auto seen = decode_seen(
      keys(),
      Json::array({account("blog", 50), account("shop", 200),
                   account("gone", 500, R"(,"account_locked":true)"),
                   row({"account", "other", "%", "", "", R"({"max_user_connections":900})"}),
                   row({"server", "", "", "", "", "300"})})
          .dump(),
      1);
  REQUIRE(seen.ok());
  CHECK(seen->server.connections_max == 300);
  CHECK(seen->server.promised == 250);
  CHECK(seen->server.largest == "shop");
  for (const std::string text : {"", "-1", "3x", "99999999999"}) {
    const auto odd =
        decode_seen(keys(), Json::array({row({"server", "", "", "", "", text})}).dump(), 0);
    CHECK(odd->server.connections_max == 0);
  }
}
