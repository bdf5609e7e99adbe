import Bytes
import Testing

@Suite struct SeededGeneratorTests {
    @Test func `a seed gives the numbers of the published algorithm`() {
        // The first numbers of Vigna's splitmix64.c for the seed 1234567.
        var generator = SeededGenerator(seed: 1_234_567)
        let numbers = (0..<3).map { _ in generator.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
        #expect(generator.seed == 1_234_567)
    }
}
