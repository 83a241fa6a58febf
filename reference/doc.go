// Package reference is an endpoint of RFC 6455, server and client, written to
// be read. Package wire comes first: bits, fields and rules. Then the files that
// touch no network: machine.go, receive.go, memory.go, send.go, closing.go,
// handshake.go, extension.go and deflate.go (RFC 7692). Then those that do: conn.go,
// connread.go, connwrite.go, connstream.go and connclose.go move bytes between a
// Machine and a net.Conn; upgrade.go (from net/http), listen.go (from a bare TCP
// listener) and dial.go (the client) open connections. misbehave.go names what an
// end can be told to do wrong. Bytes become a message in three files:
// wire/header.go, machine.go, receive.go; memory.go says where they stand meanwhile.
//
// Where each section of the RFC is kept, and the test that holds it:
//
//	§3      uri/uri.go         TestURLsThatAreNoWebSocketURLsAreRefused
//	§4.1    handshake.go       TestTheRequestIsThatOfTheRFC
//	§4.1    wire/handshake.go  TestAnAnswerThatBreaksARuleIsRefused
//	§4.2.1  wire/handshake.go  TestARequestThatIsNoHandshakeIsRefusedWithEveryReason
//	§4.2.1  handshake.go       TestARequestThatIsNoHTTPIsRefused
//	§4.2    server.go          TestBothPathsRefuseTheSameWithEveryReason
//	§4.2.2  handshake.go       TestAHandshakeIsAnsweredAsTheRFCShows
//	§4.2.2  wire/handshake.go  ExampleAccept
//	§5.1    wire/rules.go      TestEveryHeaderRuleFailsTheConnectionInBothRoles
//	§5.2    wire/header.go     TestAHeaderIsReadAsItsPictureSays
//	§5.2    receive.go         TestEveryStreamMeansTheSameHoweverItIsCut
//	§5.3    wire/mask.go       TestMaskDoesWhatMaskSimpleDoesAtEveryOffsetAndLength
//	§5.3    send.go            TestEveryFrameOfAClientHasAKeyOfItsOwn
//	§5.4    receive.go         TestEveryStreamMeansTheSameHoweverItIsCut
//	§5.4    send.go            TestASecondMessageMustWaitForTheEndOfTheFirst
//	§5.4    connwrite.go       TestAWriterSendsFragmentsAndOthersWaitForItsEnd
//	§5.4    connread.go        TestAMessageReadAsAStreamIsTheSameHoweverItIsCut
//	§5.5    receive.go         TestAPongDoesNotWaitForAWriterThatWaits
//	§5.5.2  connread.go        TestPingsInAFloodAreAnsweredInFewWritesAndBoundedMemory
//	§5.5.1  closing.go         TestEveryCloseCodeIsAnsweredOrFailed
//	§5.7    wire/header.go     TestAHeaderIsWrittenAsItsPictureShows
//	§7.1.1  connclose.go       TestTheServerClosesTCPAtOnceAndTheClientWaitsForIt
//	§7.1.2  connclose.go       TestCloseDiscardsDataUntilThePeersClose
//	§7.1.3  machine.go         TestEveryChangeOfStateIsObserved
//	§7.1.5  connread.go        TestAPeerThatVanishesGives1006
//	§7.1.7  closing.go         TestAFailureIsToldToBothEnds
//	§7.4    wire/close.go      TestTheCodesThatMayBeSentAreThoseOfTheTable
//	§8.1    wire/utf8.go       TestTextIsJudgedAlikeHoweverItIsCut
//	§9.1    handshake.go       TestAServerAnswersOffersOfCompressionOnlyWhenItWantsIt
//	§9.1    receive.go         TestACompressedMessageMeansTheSameHoweverItIsCut
//	§9.1    wire/extension.go  TestExtensionsAreReadHoweverTheyAreSpread
//	§10.2   uri/uri.go         TestTheOriginMustBeTheHostUnlessTheServerSaysOtherwise
//	§10.4   receive.go         TestEveryStreamMeansTheSameHoweverItIsCut
//	§10.4   memory.go          TestAClaimedLengthTakesNoMemory
//
// And of RFC 7692, permessage-deflate:
//
//	§7.1    wire/deflate.go    TestTheServerChoosesTheFirstOfferThatItCanAccept
//	§7.1    wire/deflate.go    TestTheClientTakesWhatServersAnswer
//	§7.1.1  deflate/deflate.go TestNothingIsTakenFromOneConnectionToAnother
//	§7.1.2  deflate/deflate.go TestNoDistanceReachesBeyondTheWindow
//	§7.2.1  deflate/deflate.go TestMessagesComeBackThroughEveryWindow
//	§7.2.2  deflate/deflate.go TestTheExamplesOfRFC7692AreInflated
//
// Events and messages come in the order in which the peer sent them. A slice
// that is passed in is neither kept nor written to; one that is returned
// belongs to the caller. A Machine belongs to one goroutine at a time; of a
// Conn one goroutine reads while any number write.
//
// What may be waited for has an end: see Options for the times, and SetReadDeadline
// and SetWriteDeadline. What may be held has a limit: Options.MaxMessage, and some
// KiB for what waits to be read or written.
//
// An illegal frame can be sent by Conn.WriteRaw and by nothing else.
package reference

import "embed"

// Source holds the files of this package that lessons show.
//
//go:embed machine.go receive.go memory.go send.go closing.go handshake.go extension.go deflate.go errors.go conn.go connread.go connwrite.go connclose.go server.go dial.go
var Source embed.FS
