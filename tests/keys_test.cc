#include "reconciler/keys.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace fairlead;

namespace {

std::string counting_bytes() {
  std::string key;
  for (char byte = 0; byte < 32; ++byte) key += byte;
  return key;
}

const Keys keys("0123456789abcdef", Secret(counting_bytes()));

}  // namespace

// Computed with Python's hmac and hashlib, whose HKDF gives test case 1 of RFC 5869.
TEST_CASE("a digest is the HMAC-SHA256 of purpose, a zero byte and the text") {
  CHECK(keys.digest("field", "image\nacme/blog:1") ==
        "85277281d47143cdd5ec35f1dc8ff4f67666e5074bc6dd7540ed4f253b0fbdbc");
  CHECK(keys.digest("", "") == "e711546e3faad4c7c4aa756bc26cad6abea8241984a0f6b0839c70ca61c4ef88");
  CHECK(Keys("", Secret("Jefe")).digest("what do ya want", "for nothing?") ==
        "adf13648edae17564744ff0aef28b138a329fa4a8104ff63388d270cef395d2b");
}

TEST_CASE("a password is made of the bytes of HKDF-SHA256 with the salt fairlead") {
  CHECK(keys.derive("database/blog/1", 32).reveal() == "EqbTnuZGRC3fsE6YMgP8XA0gmo4oDKd3");
  CHECK(keys.derive("database/blog/2", 32).reveal() == "Wmn5gJ71YDSVMOrmikG8kkLMBi0WxJ8g");
  CHECK(keys.derive("secret/blog/KEY", 128).reveal() ==
        "loUL0oMCydUQD8RXc6o4XOYeFyJIgAGZ0ZCwM2xFQpLNA8u4AA6oPfrJOqj4tZGi"
        "OvAmfaPH700oXKqznGylMpm9hOR1njOpCFXMAqUM9Cl2iiJylIuonzEQA1xHJiBp");
}

TEST_CASE("the digest of one purpose never stands for another's") {
  CHECK(keys.digest("a", "bc") != keys.digest("ab", "c"));
  CHECK(keys.digest("field", "x") != keys.digest("secret", "x"));
}

TEST_CASE("another key gives other digests and other passwords") {
  const Keys others("0123456789abcdef", Secret(std::string(32, 'k')));
  CHECK(others.digest("a", "b") != keys.digest("a", "b"));
  CHECK(others.derive("a", 32).reveal() != keys.derive("a", 32).reveal());
}

TEST_CASE("passwords of all lengths are letters and digits, and long enough") {
  std::set<std::string> seen;
  for (std::size_t length = 8; length <= 128; ++length) {
    const std::string text = keys.derive("secret/app/" + std::to_string(length), length).reveal();
    CHECK(text.size() == length);
    CHECK(text.find_first_not_of(
              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == text.npos);
    seen.insert(text.substr(0, 8));
  }
  CHECK(seen.size() == 121);
}
