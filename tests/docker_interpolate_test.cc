#include <doctest/doctest.h>

#include <string>

#include "providers/docker/interpolate.h"

using namespace fairlead;
using namespace fairlead::docker;

namespace {

const std::map<std::string, std::string> given = {
    {"DB_HOST", "mariadb"}, {"DB_PASSWORD", "s$x{${DB_HOST}"}, {"api.key", "k"}};

std::string made(const std::string& text) {
  const auto interpolated = interpolate(text, given);
  return interpolated ? interpolated->text : interpolated.error().message;
}

}  // namespace

TEST_CASE("a name in braces stands for what is given, two dollars for one, all else for itself") {
  CHECK(made("mysql://app@${DB_HOST}:3306/app") == "mysql://app@mariadb:3306/app");
  CHECK(made("${DB_HOST}${DB_HOST}") == "mariadbmariadb");
  CHECK(made("${api.key}") == "k");
  CHECK(made("$$") == "$");
  CHECK(made("$$$$") == "$$");
  CHECK(made("$${DB_HOST}") == "${DB_HOST}");
  CHECK(made("$$${DB_HOST}") == "$mariadb");
  CHECK(made("$DB_HOST $ 5$ {} } $(x) $'") == "$DB_HOST $ 5$ {} } $(x) $'");
  CHECK(made("") == "");
}

TEST_CASE("what is put in is not looked at again") {
  CHECK(made("<${DB_PASSWORD}>") == "<s$x{${DB_HOST}>");
}

TEST_CASE("whether something was put in is told") {
  CHECK(interpolate("${DB_HOST}", given)->replaced);
  CHECK_FALSE(interpolate("$${DB_HOST} $$", given)->replaced);
}

TEST_CASE("a name that is not given is an error with the names there are, and without a value") {
  CHECK(made("${DB_PASS}") ==
        "there is no ${DB_PASS}; there are DB_HOST, DB_PASSWORD, api.key; write $${ where this "
        "text itself is meant");
  CHECK(interpolate("${X}", {}).error().message ==
        "there is no ${X}; fairlead gives this app nothing; write $${ where this text itself is "
        "meant");
  for (const char* text : {"${", "${}", "${ DB_HOST}", "${DB_HOST", "pw${hunter 2}", "${a\nb}"}) {
    CAPTURE(text);
    CHECK(made(text) ==
          "`${` begins a name, as in ${DB_PASSWORD}; write $${ where this text itself is meant");
  }
  CHECK(made("${DB_HOST:-x}").find("there is no ${DB_HOST:-x}") == 0);
}

TEST_CASE("one line end is left out, of either kind") {
  CHECK(without_line_end("hunter2\n") == "hunter2");
  CHECK(without_line_end("hunter2\r\n") == "hunter2");
  CHECK(without_line_end("hunter2\n\n") == "hunter2\n");
  CHECK(without_line_end("hunter2\r") == "hunter2\r");
  CHECK(without_line_end("a\nb ") == "a\nb ");
  CHECK(without_line_end("\n").empty());
  CHECK(without_line_end("").empty());
}
