"""The small words that give a language away, for what n-grams of three letters cannot tell.

Articles, pronouns, prepositions, auxiliaries and the connectives of an argument ("therefore", "donc", "also"): in a
text that mixes languages by the word they are most of what there is to go by. A word may stand in several lists, and
then says only that it is none of the others: so English has its car, door and die, which are small words elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "en": """
        the of and to in is that for it as was with be by on not he his but at are this have from or had an
        they which one you were all her she there would their we him been has when who will more no if out so
        said what up its about into than them can only other new some could time these two may then do first
        any my now such like our over me even most made after also did many before must through back years
        where much your way well down should because each just those people how too little good very make
        still own see work here both between being under never same another know while last might us great
        since against go came right used take three himself few use during without again place around however
        let given hence thus therefore suppose since find number numbers value equal equals equation answer
        total half twice sum using need needs want gives get got first next wait check why yes ok okay think
        maybe left times every per day week hours minutes dollars many money cost costs pays bought buy sold
        sell eggs apples people children boys girls old older younger than years means whose integer integers
        square triangle circle length height width angle side sides points line positive negative product
        difference remaining altogether average percent following assume denote show shows shown true false
        exactly either neither else whether though although until upon within toward does done doing am i'm
        it's don't we're that's let's can't there's i'll we'll isn't doesn't he's she's you're i've we've
        won't didn't
        alt ante bare car care come con den die door dove due era fare fire gilt hat hem man men met mod nun
        once ore par pour prima sans sea sex sin six sole solo son tag tan till tot tout van var war yang
        question questions solution expression function fraction condition conclusion division addition distance
        constant variable variables formula possible simple final case cases note table base page
        """,
    "fr": """
        le la les de des du un une et en est que qui dans pour pas sur ne ce il elle au aux avec par se son sa
        ses plus tout tous toute toutes ou mais comme nous vous ils elles leur leurs on été être avoir fait
        cette ces cet y a ont si même sans aussi bien dont où sont était deux entre après donc ainsi alors
        peut faire quand très encore autre autres chaque combien lui moi mon ma mes notre nos votre vos ni car
        depuis pendant sous vers chez peu beaucoup trop trois quatre cinq six sept huit neuf dix jour jours
        heure heures semaine fois nombre total somme puis soit soient ensuite parce puisque supposons calculer
        calculons trouver réponse égal égale équation moins avait avaient sera serait seront doit doivent
        aucun aucune celui celle ceux celles ceci cela ça rien jamais toujours déjà ici là quel quelle quels
        quelles lorsque lors selon contre avant afin cependant toutefois d'un d'une qu'il qu'elle qu'un qu'une
        l'on c'est n'est s'il jusqu'à aujourd'hui d'autres n'a j'ai quelque quelques plusieurs droit droits
        personne entier entiers carré côté valeur argent enfants ans
        """,
    "de": """
        der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus
        er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder
        aber vor zur bis mehr durch man sein wurde sei prozent hatte kann gegen vom können schon wenn habe
        seine ihre dann unter wir soll ich eines jahr zwei jahren diese dieser wieder keine uhr seiner worden
        will zwischen immer was ihm ihr ihrer ihren ihn alle da beim damit jedoch jede jeder jedes jeden ab
        kein mich mir du uns unser euch dir dich wer wo warum weil denn also daher deshalb somit folglich
        sodass sowie sonst etwa viel viele wenig mal ganz sehr drei vier fünf sechs sieben acht neun zehn hier
        dort nun jetzt heute gibt es gilt ergibt zahl zahlen gleich gleichung antwort insgesamt hälfte doppelt
        anzahl tag tage tagen woche stunden minuten geld kosten kauft verkauft eier kinder alt älter muss
        müssen darf sollte würde wäre hätte kannst ohne während dieses diesem diesen welche welcher welches
        dessen deren einige andere anderen beide zuerst weiter wert summe länge seite recht mensch
        """,
    "es": """
        el la los las de del y a en que es un una por con no para su sus se lo al como más o pero le les ya
        este esta estos estas eso esto ese esa ha han sido si sin sobre entre cuando muy también fue era son
        está están ser hay nos donde quien quienes desde todo toda todos todas uno dos tres cuatro cinco seis
        siete ocho nueve diez hasta porque qué cómo cuántos cuántas cuánto cuánta cada otro otra otros otras
        yo tú él ella ellos ellas nosotros mi mis tu te me ni contra así entonces luego pues aunque mientras
        siempre nunca hace hacer puede pueden tiene tienen tenía había habían había será sería sea sean fueron
        eran mismo misma poco mucho muchos muchas antes después durante según ante bajo tanto tan sino algo
        nada día días semana horas minutos dinero número números suma total respuesta ecuación igual mitad
        doble veces vez años niños además sólo solo aquí ahora sí bien ningún ninguna alguno alguna cual
        cuales cuyo cuya derecho derechos persona gran debe deben vende compra
        """,
    "pt": """
        o a os as de do da dos das e em no na nos nas que é um uma uns umas por com não para seu sua seus suas
        se ao aos à às como mais ou mas foi são ser tem têm está estão pelo pela pelos pelas já também muito
        muita muitos muitas até sem sobre entre quando quem onde há isso isto este esta estes estas esse essa
        esses essas ele ela eles elas eu você vocês nós meu minha lhe lhes me te num numa dum duma ainda só
        depois antes mesmo mesma todo toda todos todas cada outro outra outros outras dois duas três quatro
        cinco seis sete oito nove dez porque então assim pois porém contudo embora enquanto sempre nunca fazer
        faz pode podem tinha havia será seria seja sejam foram eram era quanto quantos quantas qual quais dia
        dias semana horas minutos dinheiro número números soma total resposta equação igual metade dobro vezes
        vez anos crianças além agora sim bem nenhum nenhuma algum alguma alguns algumas cujo cuja direito
        direitos pessoa deve devem aqui lá nem tão tanto quer qualquer ter ato
        """,
    "it": """
        il lo la i gli le di a da in con su per tra fra e è che un uno una non si del dello della dei degli
        delle al allo alla ai agli alle dal dallo dalla dai dagli dalle nel nello nella nei negli nelle sul
        sullo sulla sui sugli sulle ha hanno sono era erano essere avere come più ma anche o se ci ne lui lei
        loro noi voi io mi ti vi suo sua suoi sue mio mia nostro nostra questo questa questi queste quello
        quella quelli quelle quando dove chi cosa perché quindi allora dunque però poi così già ancora sempre
        mai molto molti molte poco pochi tutto tutti tutta tutte ogni altro altra altri altre due tre quattro
        cinque sei sette otto nove dieci quanto quanti quante quanta quale quali senza sotto dopo prima
        durante contro verso fino mentre invece infatti inoltre può possono deve devono stato stata stati
        state fatto fare giorno giorni settimana ore minuti soldi denaro numero numeri somma totale risposta
        equazione uguale metà doppio volte volta anni bambini dell nell all dall sull un'altra c'è ciascuno
        ciascuna alcuni alcune nessun nessuno nessuna solo proprio propria diritto diritti individuo ed
        """,
    "nl": """
        de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij uit nog door over
        naar heeft ze zich hij wordt werd was wat hebben tot meer geen worden kan deze die dit of ik je jij u
        we wij zij hun haar hem mijn ons onze al wel zo nu moet moeten zou zal kunnen waar wie hoe waarom
        omdat want dus daarom toch veel twee drie vier vijf zes zeven acht negen tien elke ieder andere onder
        tussen zonder tegen tijdens na voordat hoeveel getal getallen antwoord totaal helft keer dagen uur
        geld jaar kinderen
        """,
    "sv": """
        och i att det som en på är av för med den till inte har de ett om han men var jag sig från vi så kan
        när år under också efter eller nu sin där vid mot ska skulle hon finns mycket än här alla andra blir
        bara över utan vad hur varför eftersom därför mellan två tre fyra fem sex sju åtta nio tio många varje
        svar antal dagar
        """,
    "da": """
        og i at det er en til på som med for de den af der ikke et har men han om fra var sig vi jeg så kan
        når også efter eller nu hun hvor vil skal blev være over under mod ved mellem uden hvad hvordan
        hvorfor fordi derfor meget alle andre bliver kun to tre fire fem seks syv otte ni mange hver svar
        antal dage
        """,
    "no": """
        og i å det er en til på som med for de den av der ikke et har men han om fra var seg vi jeg så kan når
        også etter eller nå hun hvor vil skal ble være over under mot ved mellom uten hva hvordan hvorfor
        fordi derfor mye alle andre blir bare to tre fire fem seks sju åtte ni mange hver svar antall dager
        """,
    "pl": """
        w i na z do nie się to że jest o jak po co ale za od dla przez tak już tylko był była było były ma
        może który która które także przy jego jej ich czy oraz ze być są lub więc gdy jeśli dlatego ponieważ
        ile każdy każda dwa trzy cztery pięć sześć liczba suma odpowiedź dni godzin razem
        """,
    "ro": """
        și de la în a cu pe nu că o un din care să pentru este mai ce se sunt dar au fost sau ca prin dacă
        când unde după între fără foarte acest această aceste lui ei lor noi voi deci atunci fiecare câte câți
        doi două trei
        """,
    "ca": """
        el la els les de del dels i a en que és un una per amb no als al com més o però ha han ser està són
        aquest aquesta aquests perquè també quan on molt tots cada dos dues tres quatre amb pel seva seu
        llavors doncs
        """,
    "id": """
        yang dan di ini itu dengan untuk dari tidak dalam pada ke adalah akan juga atau oleh ada mereka saya
        kita kami karena jika maka sebagai bahwa dapat sudah telah satu dua tiga berapa setiap jumlah jadi
        """,
    "tr": """
        ve bir bu da de için ile çok ne daha olarak olan gibi var ama o sonra kadar her değil mi ya ise en iki
        üç kaç çünkü eğer şu ben sen biz siz onlar toplam
        """,
    "ru": """
        и в не на что он с как это по но они мы она к из у за от о так же бы для вы только её его их был была
        было были если или до нет ещё еще уже когда при чем чтобы кто где под после есть может быть всего все
        всё этот эта эти того этого который которая которое которые сколько каждый каждая каждое каждого
        каждой каждом два две три четыре пять шесть день дней час часов число чисел сумма ответ также потому
        поэтому тогда затем значит пусть между без через во со об обо ему ей им них него неё ли ни человек
        имеет право
        """,
    "uk": """
        і в не на що він з як це по але вони ми вона до із у за від о так же б для ви тільки її його їх був
        була було були якщо або ні ще вже коли при ніж щоб хто де під після є може бути всього все цей ця ці
        того цього який яка яке які скільки кожен кожна кожне кожного кожної два дві три чотири п'ять шість
        день днів годин число сума відповідь також тому тоді потім отже нехай між без через та й зі йому їй їм
        них нього чи людина має право усі
        """,
    "bg": """
        и в не на че той с как това по но те ние тя към из у за от о така да са се е ще ли или до няма още
        вече когато при за да кой къде под след има може бъде всички този тази тези който която което които
        колко всеки два две три
        """,
    "fa": """
        و در به از که این را با است برای آن یک خود تا کرد بر هم نیز می شود شد ما اما یا هر دو سه چند باید اگر
        پس
        """,
    "ar": """
        في من على أن إلى عن التي الذي هذا هذه لا ما مع كل كان قد أو لم بين بعد ذلك عند إذا ثم كم هو هي لكل أي
        حتى
        """,
    "ur": """
        کے کی میں ہے اور سے کا کو اس کہ نے ہیں پر یہ ایک بھی تھا جو نہیں وہ تو ہو کر ہر دو تین اگر پھر لیے
        """,
    "hi": """
        के में है की और से का को पर यह एक नहीं कि हैं भी ने था जो इस वह तो हो कर अगर फिर लिए दो तीन कितने
        """,
    "mr": """
        आणि आहे या हे ते च्या मध्ये एक नाही आहेत होते की तर पण होता साठी व तो ती किती दोन तीन
        """,
    "ne": """
        छ को र मा का यो छन् भएको लाई ले पनि हो गरेको थियो एक एउटा तर कति दुई तीन
        """,
}

FUNCTION_WORDS: Mapping[str, frozenset[str]] = {language: frozenset(text.split()) for language, text in _WORDS.items()}
"""Words of each language, in lower case."""
