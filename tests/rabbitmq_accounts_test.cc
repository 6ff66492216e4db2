#include <doctest/doctest.h>

#include "providers/rabbitmq/accounts.h"
#include "tests/rabbitmq_scene.h"

using namespace fairlead;
using namespace fairlead::rabbitmq;
using fairlead::testing::bus_keys;

TEST_CASE("a password's hash is what a RabbitMQ server stores") {
  // Made by a server, 3.10.8, of the password "adminpw"; the first four bytes are its salt.
  const std::string salt = {'\xc3', '\x04', '\x04', '\x86'};
  CHECK(hash_password(salt, Secret("adminpw")) ==
        "wwQEhs3dYi2P3uE64ST08uIcqE/o+ySnd9kVv+tEjFBAh8Fp");
  // Sent to that server, which let the user in with "geheim".
  CHECK(hash_password({"\1\2\3\4", 4}, Secret("geheim")) ==
        "AQIDBJBapb5TgKkwlNWPZ5mqHG6vHkKlTo+XmojFYLZJqXgK");
}

TEST_CASE("hash and password are the same at every call and others for each app and rotation") {
  const Account first{"blog", 1};
  CHECK(password_hash_of(bus_keys(), first) == password_hash_of(bus_keys(), first));
  CHECK(password_of(bus_keys(), first).reveal().size() == 32);
  for (const Account& other : {Account{"blog", 2}, Account{"shop", 1}}) {
    CHECK(password_hash_of(bus_keys(), other) != password_hash_of(bus_keys(), first));
    CHECK(password_of(bus_keys(), other).reveal() != password_of(bus_keys(), first).reveal());
  }
}

TEST_CASE("a user's name tells its app and rotation, and nothing else is one") {
  CHECK(Account{"blog", 1}.user() == "blog");
  CHECK(Account{"blog", 12}.user() == "blog.12");
  for (const Account& account : {Account{"blog", 1}, Account{"a-1", 2}, Account{"z", 1000000}}) {
    CHECK(parse_account(account.user()) == account);
  }
  const std::string longest(40, 'a');
  CHECK(parse_account(longest) == Account{longest, 1});
  for (const std::string& name :
       {std::string(), std::string("Blog"), std::string("1blog"), std::string("blog."),
        std::string("blog.0"), std::string("blog.1"), std::string("blog.02"),
        std::string("blog.+2"), std::string("blog.2x"), std::string("blog.2.3"),
        std::string("blog.99999999999999999999"), std::string("blog.-2"), std::string("bl og"),
        std::string("blog/x"), std::string("bl\xc3\xb6g"), std::string("blog\0", 5),
        longest + "a"}) {
    CAPTURE(name);
    CHECK_FALSE(parse_account(name).has_value());
  }
}

TEST_CASE("an owner tag belongs to one installation, kind and name") {
  const std::string tag = owner_tag(bus_keys(), "user", "blog");
  CHECK(tag.rfind("fairlead-0123456789abcdef-", 0) == 0);
  CHECK(tag.size() == 42);
  CHECK(tag != owner_tag(bus_keys(), "vhost", "blog"));
  CHECK(tag != owner_tag(bus_keys(), "user", "blog.2"));
  const Keys other("0123456789abcdef", Secret(std::string(32, 'x')));
  CHECK(tag != owner_tag(other, "user", "blog"));
}
