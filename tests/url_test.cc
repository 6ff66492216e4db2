#include "reconciler/url.h"

#include <doctest/doctest.h>

using namespace fairlead;

TEST_CASE("what has a meaning in a URL is encoded") {
  CHECK(percent_encode("blog-1.2_~Z") == "blog-1.2_~Z");
  CHECK(percent_encode("/") == "%2F");
  CHECK(percent_encode("a b?c#d%e@f:g&h\n\xc3\xa4") == "a%20b%3Fc%23d%25e%40f%3Ag%26h%0A%C3%A4");
}
