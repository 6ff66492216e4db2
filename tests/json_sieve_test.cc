#include "reconciler/json_sieve.h"

#include <doctest/doctest.h>

#include <string>

#include "reconciler/json.h"

using namespace fairlead;

namespace {

std::string sieved(const std::string& text, const std::vector<std::string>& keep,
                   std::size_t piece = 1u << 20) {
  JsonSieve sieve(keep);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    sieve.feed(std::string_view(text).substr(at, piece));
  }
  return sieve.take();
}

const std::vector<std::string> members = {"Id", "Names", "Labels/fairlead.*", "Net/Networks"};

}  // namespace

TEST_CASE("of each object of a list what the paths name is kept, whatever the pieces") {
  const std::string text =
      R"( [ {"Id" : "a", "Names": ["/x", "/y"], "Command": "sh -c \"[{]}\"", "Created": -1.5e3,
      "Labels": {"fairlead.app": "x", "com.other": {"deep": [1, {"fairlead.app": 2}]}, "b": "}"},
      "Net": {"Other": 1, "Networks": {"n": {"Ip": "1.2.3.4", "more": [true, null]}}}},
      {"Names": [], "Labels": null, "Ports": [ ]} , {} ] )";
  const std::string kept = R"([{"Id":"a","Names":["/x","/y"],"Labels":{"fairlead.app":"x"},)"
                           R"("Net":{"Networks":{"n":{"Ip":"1.2.3.4","more":[true,null]}}}},)"
                           R"({"Names":[],"Labels":null},{}])";
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 64u, 4096u}) {
    CAPTURE(piece);
    CHECK(sieved(text, members, piece) == kept);
  }
}

TEST_CASE("lists inside an object are followed, too") {
  CHECK(sieved(R"({"Volumes": [{"Name": "v", "Labels": {"a": "b", "fairlead.app": "v"}}],
                   "Warnings": ["w"]})",
               {"Volumes/Name", "Volumes/Labels/fairlead.*"}) ==
        R"({"Volumes":[{"Name":"v","Labels":{"fairlead.app":"v"}}]})");
  CHECK(sieved(R"({"message": "no such"})", {"Id"}) == "{}");
  CHECK(sieved("null", {"Id"}) == "null");
  CHECK(sieved("[]", {"Id"}) == "[]");
}

TEST_CASE("a text that is kept is cut where that leaves a text") {
  const std::string fill(JsonSieve::string_max - 1, 'x');
  const auto value = [&](const std::string& end) {
    const std::string kept = sieved(R"([{"Id":")" + fill + end + R"("}])", {"Id"}, 1000);
    const Result<Json> parsed = Json::parse(kept);
    REQUIRE(parsed);
    return (*parsed).items()[0]["Id"].as_string();
  };
  CHECK(value("") == fill);
  CHECK(value("ab") == fill + "a");
  CHECK(value("\\\"bc") == fill + "\"");
  CHECK(value("\\u00e4bc") == fill + "ä");
  CHECK(value("äbc") == fill + "ä");
  CHECK(value("\\ud83d\\ude00bc") == fill + "😀");
}

TEST_CASE("what is kept does not grow with what is not") {
  JsonSieve sieve(members);
  sieve.feed(R"([{"Id":"1","Names":["/small"]},{"Id":"2","Names":["/large"],"Labels":{)");
  const std::string label =
      "\"" + std::string(10'000, 'k') + "\":\"" + std::string(90'000, 'v') + "\",\"a\":\"b\",";
  for (int i = 0; i < 300; ++i) sieve.feed(label);
  CHECK(sieve.kept().size() < 1000);
  // Also of one that never ends.
  CHECK(sieve.largest().starts_with("/large, 300"));
  sieve.feed(R"("fairlead.app":"x"}},{"Id":"3","Command":"c"}])");
  CHECK(sieve.kept() == R"([{"Id":"1","Names":["/small"]},{"Id":"2","Names":["/large"],)"
                        R"("Labels":{"fairlead.app":"x"}},{"Id":"3"}])");
  CHECK(sieve.largest().starts_with("/large, 300"));
}

TEST_CASE("an entry without a name is told by its id") {
  JsonSieve sieve({"Nothing"});
  sieve.feed(R"([{"Labels":{"Name":"no"},"Id":"0123"},{"Id":"4"}])");
  CHECK(sieve.largest() == "#0123, 36 bytes");
  CHECK(JsonSieve({"Id"}).largest().empty());
}

TEST_CASE("what is no JSON leaves none behind") {
  const std::string deep(1000, '[');
  for (const std::string& text :
       {std::string("["), std::string("[{]"), std::string("[1,]"), std::string("[{\"a\" 1}]"),
        std::string("[{a:1}]"), std::string("[\"a\"] x"), std::string("[{\"b\":1,}]"),
        std::string("{\"b\":[}"), std::string("{\"b\":\"x}"), std::string("{\"b\"}"),
        std::string(",[]"), deep, std::string("}"), std::string("[1 2]"), std::string("")}) {
    CAPTURE(text);
    CHECK_FALSE(Json::parse(sieved(text, {"Id"})));
    CHECK_FALSE(Json::parse(sieved(text, {"Id"}, 1)));
  }
}
