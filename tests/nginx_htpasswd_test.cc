#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "providers/nginx/htpasswd.h"

namespace fairlead::nginx {
namespace {

const std::string bcrypt = "$2y$05$N/bAhtBXVcWBc9EHhe15nuvVvcK4gr2mJ1Tq/E117HVxtGJlWK2y6";
const std::string apr1 = "$apr1$AQLKo2YT$ynT3P48WltPbc4xK0pDm2.";
const std::string sha = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
const std::string sha512 =
    "$6$abcdefgh$ltjgWl6579NluT/"
    "Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.";

std::string lines_of(const std::string& file) {
  const Result<Secret> lines = parse_htpasswd(Secret(file));
  return lines ? lines->reveal() : "error: " + lines.error().message;
}

}  // namespace

TEST_CASE("what htpasswd and openssl make is taken, without comments and empty lines") {
  for (const std::string& hash : {bcrypt, apr1, sha, sha512}) {
    CAPTURE(hash);
    CHECK(lines_of("ann:" + hash + "\n") == "ann:" + hash + "\n");
  }
  CHECK(lines_of("# who\n\nann:" + sha + "\n\nb o.b@x:" + apr1) ==
        "ann:" + sha + "\nb o.b@x:" + apr1 + "\n");
  CHECK(lines_of("a:$6$rounds=100000$" + sha512.substr(3)) !=
        lines_of("a:$6$rounds=1$" + sha512.substr(3)));
}

TEST_CASE("line ends may be those of Windows") {
  CHECK(lines_of("# who\r\n\r\nann:" + sha + "\r\nbob:" + apr1 + "\r\n") ==
        "ann:" + sha + "\nbob:" + apr1 + "\n");
}

TEST_CASE("a line that is none is told by its number and never shown") {
  for (const std::string& line : std::vector<std::string>{
           "hunter2", "ann:hunter2", ":" + sha, "ann:" + sha + ":x", "ann:{PLAIN}hunter2",
           "ann:" + sha + "\r\r", "ann:\t" + sha, "ann: " + sha, std::string("a\0b:", 4) + sha,
           "ann:" + bcrypt + "x", "ann:$1$AQLKo2YT$ynT3P48WltPbc4xK0pDm2.",
           "ann:" + bcrypt.substr(0, 59), std::string(600, 'a') + ":" + sha, "ann:" + sha + ";}",
           "ann:$6$$" + sha512.substr(12)}) {
    const std::string said = lines_of("eve:" + sha + "\n" + line + "\n");
    CHECK(said.find("error: line 2 must be USER:HASH") == 0);
    CHECK(said.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a file that lets nobody in is refused") {
  for (const char* file : {"", "\n", "# ann\n"}) {
    CHECK(lines_of(file) == "error: has no line USER:HASH: nobody could come in");
  }
  CHECK(lines_of(std::string(2 << 20, '\n')) == "error: is larger than 1M");
}

}  // namespace fairlead::nginx
