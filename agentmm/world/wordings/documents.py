"""Wordings of the families that read one page."""

from agentmm.world.wordings.templates import Wordings, worded

WORDINGS: dict[str, Wordings] = {
    "value": worded(
        """
        What is the value of {a}?
        What does it say beside {a}?
        What is written next to {a}?
        What stands after {a}?
        What is the {a}?
        What value does {a} have?
        Read the value of {a}.
        {A}: what is the value?
        Tell me the {a} on this page.
        What is given as {a}?
        """,
        """
        Which entry belongs to {a}?
        What do you read behind the word {a}?
        What has been filled in for {a}?
        Look up {a} on the page and tell me its value.
        """,
    ),
    "date": worded(
        """
        What is the date?
        What date is on the page?
        Which date does it show?
        What is the date on the receipt?
        What is the date of this document?
        When was it issued?
        Read the date.
        Tell me the date on the invoice.
        """,
        """
        From which day is this document?
        On what day was this made out?
        Could you find the date for me?
        What day is printed here?
        """,
    ),
    "store": worded(
        """
        Who issued this?
        What is the name of the store?
        Which store is it from?
        Who is the seller?
        What store is this from?
        Which company issued it?
        Tell me the store's name.
        What is the shop called?
        """,
        """
        Where was this bought?
        By whom was this document issued?
        At which business did somebody shop here?
        What name does the seller have?
        """,
    ),
    "title": worded(
        """
        What is the title?
        What is the heading?
        What does the title say?
        What does the heading say?
        Which title does the page have?
        Read the title.
        Tell me the heading of the page.
        What stands at the top of the page?
        """,
        """
        Under which heading is this page?
        How is this page titled?
        What words form the headline?
        What is printed above everything else?
        """,
    ),
    "sign_line": worded(
        """
        What does the {b} line of the sign say?
        What is written on the {b} line of the sign?
        Read the {b} line of the sign.
        What is the {b} line of the sign?
        What does the {b} line say?
        What can you read on the {b} line?
        Tell me the {b} line of the sign.
        Which words are on the {b} line?
        """,
        """
        On the sign, what stands in the {b} line?
        Could you read me the {b} line of this sign?
        What text does the {b} row of the sign have?
        Of the sign I only want the {b} line. What is it?
        """,
    ),
    "sign_text": worded(
        """
        What does the sign say?
        What does it say?
        What is written on the sign?
        What is written here?
        Read the sign.
        Read the text.
        What text is in the picture?
        What does the text say?
        """,
        """
        Could you read this to me?
        What words can be seen?
        What is the message of the sign?
        What is printed on it?
        """,
    ),
    "cell": worded(
        """
        What is the value of {b} for {a}?
        What is the number in row {a} and column {b}?
        What does the table give for {a} under {b}?
        In the row {a}, what is the {b}?
        How many {b} does {a} have?
        What is {b} of {a}?
        Read the cell in row {a}, column {b}.
        {A}, {b}: what is the number?
        """,
        """
        Which figure stands where row {a} meets column {b}?
        Under {b}, what do you find for {a}?
        What is listed as {b} in the line of {a}?
        Go to {a} in the table and tell me its {b}.
        """,
    ),
    "bar": worded(
        """
        What is the value of the bar {a}?
        What value does the bar {a} have?
        How high is the bar for {a}?
        What number is at the bar {a}?
        In the chart, what is the value of {a}?
        Read the value of {a} in the chart.
        What does the chart show for {a}?
        Which value does the chart give for {a}?
        """,
        """
        How much does the bar of {a} stand for?
        Which number belongs to {a} in this chart?
        Look at the bar called {a}: what is its number?
        According to the chart, how much is it for {a}?
        """,
    ),
    "says": worded(
        """
        Does it say {a} anywhere?
        Is the word {a} on the page?
        Does the word {a} occur?
        Does the page say {a}?
        Is {a} written anywhere?
        Can you read {a} on the page?
        Does the text contain {a}?
        Is there the word {a}?
        """,
        """
        Would I find the word {a} in this text?
        Has {a} been printed somewhere here?
        Tell me whether {a} appears in the text.
        Is {a} among the words you can read?
        """,
    ),
    "line_count": worded(
        """
        How many lines of text are there?
        How many lines does the page have?
        Count the lines of text.
        What is the number of lines?
        How many lines of text can you read?
        How many text lines are on the page?
        Tell me the number of text lines.
        How many lines are printed here?
        """,
        """
        Of how many lines does this text consist?
        What's the line count of the page?
        Going from top to bottom, how many lines do you pass?
        How many rows of writing does it have?
        """,
    ),
    "price": worded(
        """
        What is the price of {a}?
        How much is {a}?
        How much does {a} cost?
        What does {a} cost?
        How much was {a}?
        How much did {a} cost?
        Tell me the price of {a}.
        {A}: what is the price?
        What was paid for {a}?
        """,
        """
        For {a}, how much was charged?
        At what price is {a} listed?
        How expensive was {a}?
        Which amount stands behind {a}?
        """,
    ),
    "bill_total": worded(
        """
        What is the total?
        What is the total on this receipt?
        How much is it in total?
        What is the total amount?
        How much is due?
        What amount is to be paid?
        How much do I have to pay?
        Tell me the total of the bill.
        """,
        """
        What sum does the bill come to?
        How much money is owed altogether?
        What did the whole purchase cost?
        Which amount is at the bottom of the bill?
        """,
    ),
    "add_prices": worded(
        """
        How much do {a} and {b} cost together?
        What do {a} and {b} cost together?
        How much are {a} and {b} together?
        What is the price of {a} plus the price of {b}?
        Add the prices of {a} and {b}.
        What is the sum of the prices of {a} and {b}?
        How much is it for {a} and {b} together?
        What is the total for {a} and {b}?
        """,
        """
        If I only buy {a} and {b}, what do I pay?
        Taking {a} and {b} alone, how much was spent?
        What do the amounts of {a} and {b} add up to?
        Put {a} and {b} on one bill: how much is that?
        """,
    ),
    "price_difference": worded(
        """
        How much more does {a} cost than {b}?
        How much more expensive is {a} than {b}?
        What is the difference in price between {a} and {b}?
        By how much is {a} dearer than {b}?
        Subtract the price of {b} from the price of {a}.
        What is the price of {a} minus the price of {b}?
        How much cheaper is {b} than {a}?
        How much more was paid for {a} than for {b}?
        """,
        """
        If I take {b} instead of {a}, how much do I save?
        What extra does {a} cost compared with {b}?
        How far apart are the prices of {a} and {b}?
        What must be added to the price of {b} to get that of {a}?
        """,
    ),
    "dearer": worded(
        """
        Which costs more, {a} or {b}?
        What costs more, {a} or {b}?
        Which is more expensive, {a} or {b}?
        Which is dearer, {a} or {b}?
        Which has the higher price, {a} or {b}?
        Of {a} and {b}, which costs more?
        Is {a} or {b} more expensive?
        {A} or {b}: which costs more?
        """,
        """
        Between {a} and {b}, which is the pricier one?
        For which was more paid, {a} or {b}?
        Comparing the prices of {a} and {b}, which wins?
        Name the more costly of {a} and {b}.
        """,
    ),
    "enough": worded(
        """
        Is {b} enough to buy {a}?
        Is {b} enough for {a}?
        Can I buy {a} with {b}?
        Can I pay for {a} with {b}?
        Do {b} suffice for {a}?
        Would {b} be enough for {a}?
        With {b}, can I buy {a}?
        Does {a} cost at most {b}?
        """,
        """
        I have {b}. Can I afford {a}?
        Would a budget of {b} cover {a}?
        Could somebody with {b} in the pocket pay {a}?
        Does the price of {a} stay within {b}?
        """,
    ),
    "total_over": worded(
        """
        Is the total more than {b}?
        Is the total over {b}?
        Is the total greater than {b}?
        Is the total amount above {b}?
        Is the amount due more than {b}?
        Does the total exceed {b}?
        Is the bill more than {b}?
        Do I have to pay more than {b}?
        """,
        """
        Did the whole purchase cost over {b}?
        Was a sum larger than {b} spent in all?
        Does the bill come to something higher than {b}?
        Would {b} be too little to pay everything?
        """,
    ),
    "times": worded(
        """
        How much do {b} times {a} cost?
        What do {b} of {a} cost?
        How much would {b} {a} cost?
        What is the price of {b} times {a}?
        What would {b} pieces of {a} cost?
        How much are {b} {a}?
        Multiply the price of {a} by {b}.
        If I buy {a} {b} times, how much is it?
        """,
        """
        Suppose I took {a} in a quantity of {b}: what would I pay?
        At this price, how much do I owe for {b} {a}?
        What does a set of {b} {a} come to?
        What is {b} times the amount for {a}?
        """,
    ),
    "change": worded(
        """
        If I pay with {b}, how much change do I get?
        How much change do I get from {b}?
        What is the change if I pay with {b}?
        I pay with {b}. How much do I get back?
        How much is left of {b} after paying the total?
        What is {b} minus the total?
        Subtract the total from {b}.
        Paying with {b}, how much change is due?
        """,
        """
        I hand over {b} for everything. What comes back?
        From {b}, what remains once the bill is settled?
        How much money does the cashier return on {b}?
        What would be the change out of {b}?
        """,
    ),
    "add_bars": worded(
        """
        In the chart, what is the sum of {a} and {b}?
        What is the sum of the bars {a} and {b}?
        Add the values of the bars {a} and {b}.
        What are the bars {a} and {b} together?
        How much are {a} and {b} together in the chart?
        What is the value of {a} plus the value of {b} in the chart?
        In the chart, add {a} and {b}.
        What do the bars {a} and {b} give together?
        """,
        """
        Stack the bar {a} on the bar {b}: which value results?
        What do the chart's entries for {a} and {b} come to?
        Combine {a} and {b} in this chart into one number.
        According to the chart, how much is it for {a} and {b} combined?
        """,
    ),
    "higher_bar": worded(
        """
        Which bar is higher, {a} or {b}?
        Which bar is longer, {a} or {b}?
        Which has the larger value in the chart, {a} or {b}?
        Which of the bars {a} and {b} is higher?
        Is the bar {a} or the bar {b} higher?
        In the chart, which is larger, {a} or {b}?
        Which bar has the higher value, {a} or {b}?
        Of the bars {a} and {b}, which is larger?
        """,
        """
        In this chart, who is ahead: {a} or {b}?
        Compare the bars {a} and {b}. Which one wins?
        According to the chart, is it {a} or {b} that has more?
        Between the bars of {a} and {b}, which reaches further?
        """,
    ),
}
"""Family -> its wordings."""
