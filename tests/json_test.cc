#include "reconciler/json.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace fairlead;

namespace {

std::string error_of(std::string_view text) {
  const Result<Json> parsed = Json::parse(text);
  return parsed ? "parsed" : parsed.error().message;
}

Json parsed(std::string_view text) {
  Result<Json> result = Json::parse(text);
  REQUIRE_MESSAGE(result.ok(), text);
  return *result;
}

TEST_CASE("the items of a list are handed on one by one, up to where it stops being JSON") {
  std::vector<std::string> items;
  const auto take = [&](const Json& item) { items.push_back(item.dump()); };
  CHECK(Json::parse_items(R"([{"a":[1,[2]]},3,[],"x"])", take).ok());
  CHECK(items == std::vector<std::string>{R"({"a":[1,[2]]})", "3", "[]", "\"x\""});
  items.clear();
  CHECK_FALSE(Json::parse_items(R"([{"a":1},{"b":)", take).ok());
  CHECK(items == std::vector<std::string>{R"({"a":1})"});
  items.clear();
  CHECK(Json::parse_items(R"({"a":[1,2]})", take).ok());
  CHECK(items.empty());
}

TEST_CASE("what is not to be kept is read all the same, and leaves nothing") {
  const auto keep = [](std::string_view parent, std::string_view key) {
    return parent != "Networks" || key == "blog";
  };
  const std::string text =
      R"([{"Id":"1","Networks":{"a":{"x":[1,{"Networks":{"b":2}}],"y":"z"},"blog":{"x":1},"c":[],)"
      R"("d":"e","f":null,"g":{}},"State":"up"},{"Networks":"blog"}])";
  const Result<Json> kept = Json::parse(text, keep);
  REQUIRE(kept.ok());
  CHECK(kept->dump() ==
        R"([{"Id":"1","Networks":{"blog":{"x":1}},"State":"up"},{"Networks":"blog"}])");
  CHECK_FALSE(Json::parse(R"({"Networks":{"a":{"x":]}}})", keep).ok());
  // Nor is it a way around the limit of depth.
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  CHECK_FALSE(Json::parse(R"({"Networks":{"a":)" + deep + "}}", keep).ok());
}

}  // namespace

TEST_CASE("members keep their order, and the canonical form sorts them at every level") {
  const Json value = parsed(R"({"b":{"z":1,"a":[{"y":1,"x":2}]},"a":null})");
  CHECK(value.dump() == R"({"b":{"z":1,"a":[{"y":1,"x":2}]},"a":null})");
  CHECK(value.canonical() == R"({"a":null,"b":{"a":[{"x":2,"y":1}],"z":1}})");
  CHECK(value.pretty().find("\n  \"b\": {\n") != std::string::npos);
}

TEST_CASE("what is written is read back the same, controls and quotes and UTF-8 included") {
  Json value = Json::object({{"text", std::string("\"\\\n\t\0é→", 10)},
                             {"yes", true},
                             {"none", nullptr},
                             {"least", std::numeric_limits<std::int64_t>::min()},
                             {"most", std::numeric_limits<std::int64_t>::max()},
                             {"half", 0.5}});
  value.set("list", Json::array({1, "two", Json::object()}));
  CHECK(parsed(value.dump()) == value);
  CHECK(parsed(value.pretty()) == value);
}

TEST_CASE("a key stands once, and the last word wins") {
  const Json value = parsed(R"({"a":1,"b":2,"a":3})");
  CHECK(value.dump() == R"({"a":3,"b":2})");
}

TEST_CASE("what is no JSON is refused with its place") {
  CHECK(error_of("{\"a\":}") == "not JSON: Invalid value. at offset 5");
  CHECK(error_of("") == "not JSON: The document is empty. at offset 0");
  CHECK(error_of("{} {}").find("at offset 3") != std::string::npos);
  CHECK(error_of("{\"a\":1").find("at offset") != std::string::npos);
  CHECK(error_of("nul").find("at offset") != std::string::npos);
}

TEST_CASE("nesting is limited, so that no answer can exhaust the stack") {
  CHECK(error_of(std::string(128, '[') + std::string(128, ']')) == "parsed");
  CHECK(error_of(std::string(129, '[') + std::string(129, ']')) != "parsed");
  CHECK(error_of(std::string(1'000'000, '[')) != "parsed");
}

TEST_CASE("reading what is absent or of another type gives the empty value") {
  const Json value = parsed(R"({"a":{"b":[1]},"n":7,"s":"text"})");
  CHECK(value["x"]["y"]["z"].is_null());
  CHECK(value["n"]["b"].is_null());
  CHECK(value["n"].as_string().empty());
  CHECK(value["s"].as_int(9) == 9);
  CHECK(value["s"].as_bool(true));
  CHECK(value["a"].items().empty());
  CHECK(value["n"].members().empty());
  CHECK(value["a"]["b"].items().size() == 1);
  CHECK(value.has("a"));
  CHECK_FALSE(value.has("b"));
}

TEST_CASE("numbers that fit no integer are no integers") {
  CHECK(parsed("9223372036854775807").as_int() == std::numeric_limits<std::int64_t>::max());
  CHECK_FALSE(parsed("9223372036854775808").is_int());
  CHECK(parsed("18446744073709551615").as_int(5) == 5);
  CHECK(parsed("1e300").as_int(5) == 5);
  CHECK(parsed("2.9").as_int() == 2);
  CHECK(parsed("3").as_double() == 3.0);
}

TEST_CASE(
    "empty are null, and strings, lists and objects without content; zero and false are not") {
  for (const char* text : {"null", "\"\"", "[]", "{}"}) CHECK(parsed(text).empty());
  for (const char* text : {"0", "false", "\" \"", "[null]", "{\"a\":null}"}) {
    CHECK_FALSE(parsed(text).empty());
  }
}

TEST_CASE("a null becomes an object or a list when something is put in") {
  Json object;
  object.set("a", 1).set("a", 2);
  CHECK(object.dump() == R"({"a":2})");
  Json list;
  list.push(1).push("b");
  CHECK(list.dump() == R"([1,"b"])");
}

TEST_CASE("what people get as JSON commands no terminal, and says the same") {
  const Json value = Json::object({{"a", "x\x1b[2J\x7f\xc2\x9b\xc2\xa0ä"}});
  const std::string text = value.pretty();
  CHECK(text == "{\n  \"a\": \"x\\u001B[2J\\u007f\\u009b\xc2\xa0ä\"\n}");
  CHECK(Json::parse(text).value() == value);
}

TEST_CASE("a NUL ends no text: what stands behind it is read, too") {
  using namespace std::string_literals;
  CHECK_FALSE(Json::parse("[1]\0]"s));
  CHECK_FALSE(Json::parse("\"fair:\"\0\"C"s));
  CHECK_FALSE(Json::parse("[1]\0"s));
  CHECK(Json::parse("[\"\\u0000\"]"s));
}
